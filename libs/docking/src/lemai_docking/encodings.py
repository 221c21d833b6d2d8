"""Which codec a profile asks for."""

from lemai_docking.codec import Codec
from lemai_docking.profile import Profile
from lemai_docking.text_codec import TextCodec


def codec_of(profile: Profile) -> Codec:
    """The codec that reads and writes a counterpart's files."""
    return TextCodec(profile)
