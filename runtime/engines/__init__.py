"""Engines that run calls on other machines' workers: Dask's and Ray's, behind one door."""
