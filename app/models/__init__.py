"""Qt models over what `app.work` delivers: the ID table and the object tree. No widgets."""
