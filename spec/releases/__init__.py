"""Which releases of other packages scripts work with: each said once, for all."""
