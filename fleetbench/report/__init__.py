"""REPORT: timelines -> people: tables, pictures, pages."""
