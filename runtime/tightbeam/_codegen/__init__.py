"""What generated code imports: one module for each version of the generated form."""
