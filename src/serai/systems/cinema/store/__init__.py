"""SQL of the cinema, one function per query: `catalogue` for what plays, `bookings` for what is sold."""
