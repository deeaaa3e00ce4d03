"""What the SRE sees: metrics and log. It can never hurt what is true."""
