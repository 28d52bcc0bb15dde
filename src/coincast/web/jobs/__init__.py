"""Work that is started from the page: what may be asked for (`orders`), how it runs (`queue`), how far it is."""
