"""The use cases of the cinema.

`shows` knows what plays, `holds` chooses seats, `bookings` sells them, `orders` hears of payments, `live` tells all.
"""
