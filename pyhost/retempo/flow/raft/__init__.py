"""What does a trained all-pairs network think of a pair? RAFT, large and small, for those who have its weights."""
