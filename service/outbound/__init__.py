"""Mail and notifications that sodan sends: who may be written to, what is written, and how it leaves the house."""
