"""The regions in which Cloud Run is, to tell a slip from a region: new ones come, so one that is not here is no error.

https://cloud.google.com/run/docs/locations
"""

_OF = {
    "africa": "south1",
    "asia": "east1 east2 northeast1 northeast2 northeast3 south1 south2 southeast1 southeast2 southeast3",
    "australia": "southeast1 southeast2",
    "europe": "central2 north1 north2 southwest1 west1 west2 west3 west4 west6 west8 west9 west10 west12",
    "me": "central1 central2 west1",
    "northamerica": "northeast1 northeast2 south1",
    "southamerica": "east1 west1",
    "us": "central1 east1 east4 east5 south1 west1 west2 west3 west4",
}
REGIONS = tuple(f"{part}-{place}" for part, places in _OF.items() for place in places.split())
