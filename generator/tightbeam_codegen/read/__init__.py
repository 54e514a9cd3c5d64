"""From a folder of definitions to what every target needs to know."""
