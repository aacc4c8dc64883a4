"""The protocol between the rules and the engine: questions, effects, answers and decisions."""
