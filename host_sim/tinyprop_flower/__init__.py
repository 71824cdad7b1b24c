"""tinyprop as an app of Flower: many boards learn one model, and no sample leaves its board."""
