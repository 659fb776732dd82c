"""Charts and pictures: tables and arrays in, figures out."""
