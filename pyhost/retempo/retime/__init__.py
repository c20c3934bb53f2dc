"""Which moment of the source does output frame n show? Answered in exact fractions, never in floats."""
