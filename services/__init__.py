"""The processes of the product. They never import each other: all stand on the chassis, the core and the schemas."""
