"""The LLM settings bundle, provider and model tables."""
