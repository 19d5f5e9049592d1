"""What the user can do to a store: actions, undo commands over the durable journal, their plans."""
