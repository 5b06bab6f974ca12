"""Facts about single messages of a case. Pure functions: values in, values out.

``extraction`` turns a mail into messages: the mail itself, then every earlier mail inside it. A mail that forwards
another mail becomes two messages. One contains the words of the forwarder. The other is the forwarded mail, with its
original author.
"""
