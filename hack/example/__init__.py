"""`make example NAME=churn`: run a README's lines as a user would type them, and look whether they do what it shows."""
