"""The products, one folder each; a system reaches another only through that system's api."""
