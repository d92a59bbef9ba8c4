"""Messages of SMSBAT's own send, `POST /bat/messagelist`: one kind of message for each channel.

They follow the vendor's public help pages, which may change, and not the documents that the rest follows.
"""
