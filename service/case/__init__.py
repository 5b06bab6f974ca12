"""How a case stands, and the facts of a message. Pure: values in, values out; time is an argument.

``bringing`` turns a mail into messages: itself, then every earlier mail found inside it. ``service.cases.placement``
decides which case each belongs to. ``revise`` derives the state of a case from all its messages.

The author of a forwarded mail is the inner author: the wrapper is a message of its own, with the forwarder's words,
and the inner mail is another one.
"""
