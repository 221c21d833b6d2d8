"""Which codec a profile asks for."""

from lemai_docking.codec import Codec
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.messages.codec import TreeCodec
from lemai_docking.encodings.messages.json_syntax import JsonSyntax
from lemai_docking.encodings.messages.xml_syntax import XmlSyntax
from lemai_docking.encodings.text.codec import TextCodec


def codec_of(profile: Profile) -> Codec:
    """The codec that reads and writes a counterpart's files. What a SOAP call carries is the XML message."""
    if profile.encoding == "text":
        return TextCodec(profile)
    if profile.encoding == "json":
        return TreeCodec(profile, JsonSyntax())
    return TreeCodec(profile, XmlSyntax())
