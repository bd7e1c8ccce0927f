"""The HTTP gateway: a FastAPI app for uvicorn and, through Mangum, for AWS Lambda."""
