"""What stands between the network and the application.

asked     a request as the guards see it
guards    Host, Origin, token: may this request be answered?
rates     how often one address may ask
bodies    how large a body may be, and how slowly it may come
tokens    the token's file, and the cookie that stands for it
login     the form that takes the token
gate      all of them in their order, and the headers of every answer
"""
