"""What the operator does by itself: it corrects drift, and files requests for candidates and after breaches."""
