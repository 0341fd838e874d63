"""Test a medical AI model before every release, with pytest."""
