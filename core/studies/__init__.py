"""Studies: experiments that are compared, and what their seeds say."""
