"""How documents go to and come from an ERP or a warehouse: layouts x profiles x codecs x channels."""
