"""The client of a gateway elsewhere, behind `tightbeam.connect`."""
