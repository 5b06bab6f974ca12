"""Mail and notifications that sodan sends: permitted recipients, texts, delivery."""
