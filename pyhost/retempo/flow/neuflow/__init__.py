"""What does a trained network made for small devices think of a pair? NeuFlow v2, for those who have its weights."""
