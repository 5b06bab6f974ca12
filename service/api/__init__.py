"""HTTP API: routes, schemas, authentication, events and webhooks."""
