"""Why buyers, sellers and the platform cannot do what the inspection API asks for."""


class Refusal(Exception):
    """Nothing was changed; the text says why, Chinese first."""


class Unknown(Refusal):
    """There is no such trade, line, seller or SKU."""


class TooLittleStock(Refusal):
    """The order asks for more than there is."""


class IllegalTransition(Refusal):
    """The trade's status does not allow the action."""


class Contradiction(Refusal):
    """The request contradicts itself or what is known already."""
