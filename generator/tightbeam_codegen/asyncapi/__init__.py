"""AsyncAPI both ways: documents made of the model, and channel definitions made of documents."""
