"""The page and its REST: thin faces of library functions, for one reader on this machine or a few with a token.

    settings  who may come in, and how much is allowed
    security/ what stands between the network and the application
    watcher, hub  what changes, and telling it to all readers
    api/      the resources under /api/v1
    app, serve  all of it as one application, and a process that serves it

Needs the extra `web`.
"""
