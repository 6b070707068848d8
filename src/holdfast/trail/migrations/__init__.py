"""How the tables grew, one step per release that changed them."""
