"""Facts about single messages of a case. Pure functions: values in, values out.

``extraction`` turns a mail into messages: the mail itself, then every earlier mail found inside it. The author of a
forwarded mail is the inner author: the forwarding mail is a message of its own with the forwarder's words, and the
forwarded mail is another message.
"""
