"""SWEEP: a grid of what-ifs times samples, over local processes or a Dask cluster, into Parquet as they come."""
