"""What is known of one message of a case. Pure: values in, values out.

``extraction`` turns a mail into messages: itself, then every earlier mail found inside it. The author of a forwarded
mail is the inner author: the wrapper is a message of its own, with the forwarder's words, and the inner mail is another
one.
"""
