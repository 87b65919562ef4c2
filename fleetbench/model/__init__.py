"""MODEL: what is believed about controllers and workloads: data and distributions, no behaviour."""
