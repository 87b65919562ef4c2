"""CALIBRATION: measured runs -> step costs and workload times, with the quality of the fit."""
