"""SQL of simcards. Locks, always in this order: sale, porting, number, card; then what allocation locks."""
