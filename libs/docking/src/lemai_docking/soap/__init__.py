"""The SOAP face (§1.19): WSDL first, both sides."""
