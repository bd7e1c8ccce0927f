"""What an account really holds of an environment, and taking it away by API: one file per noun.

It goes by names and tags, never by configuration or state, so it also finds what no project names any more.  A name
makes a candidate, only tags make it ours.  Nothing here decides what shall go, or asks.

Why not the Resource Groups Tagging API, which lists by tag across services: it knows no IAM roles, it is eventually
consistent in both directions (it lists what is gone and misses what is new), and it cannot see what has no tags,
which are a service's own log groups and every foreign thing under our names
(https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html).
"""
