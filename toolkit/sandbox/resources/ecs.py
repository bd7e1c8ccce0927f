"""ECS clusters, and the capacity that is associated with them."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.aws import tag_list

from . import Clients, Inputs, Made, by_name, mapping

CLUSTER = "aws:ecs/cluster:Cluster"
_MOST = 100  # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html


class Cluster:
    """One that was deleted stays visible for a while, as INACTIVE: it counts as absent."""

    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        """CreateCluster of a name that is there answers with the present one, whoever made it: so look first."""
        name = inputs["name"]
        if self._describe([name]):
            return None
        answer = self._clients("ecs").create_cluster(
            clusterName=name, tags=tag_list(inputs["tags"])
        )
        return name, {"arn": answer["cluster"]["clusterArn"]}

    def update(self, inputs: Inputs) -> Made:
        name = inputs["name"]
        arn = self._describe([name])[0]["clusterArn"]
        tags = tag_list(inputs["tags"])
        self._clients("ecs").tag_resource(resourceArn=arn, tags=tags)
        return name, {"arn": arn}

    def delete(self, ref: str) -> None:
        ecs = self._clients("ecs")
        try:
            ecs.delete_cluster(cluster=ref)
        except ecs.exceptions.ClusterNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        return {c["clusterName"] for c in self._describe(sorted(ids)[:_MOST])}

    def tags(self, ref: str) -> dict[str, str] | None:
        found = self._describe([ref])
        return mapping(found[0].get("tags", ()), "key", "value") if found else None

    def _describe(self, names: list[str]) -> list[dict[str, Any]]:
        answer = self._clients("ecs").describe_clusters(clusters=names, include=["TAGS"])
        return [c for c in answer["clusters"] if c["status"] != "INACTIVE"]


class CapacityProviders:
    """Its id is its cluster's name, as Pulumi's."""

    whole = CLUSTER

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        name = inputs["clusterName"]
        self._put(name, list(inputs["capacityProviders"]))
        return name, {}

    update = create

    def delete(self, ref: str) -> None:
        ecs = self._clients("ecs")
        try:
            self._put(ref, [])
        except ecs.exceptions.ClusterNotFoundException:
            return

    def of(self, ref: str) -> str:
        return ref

    def _put(self, cluster: str, providers: list[str]) -> None:
        self._clients("ecs").put_cluster_capacity_providers(
            cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=[]
        )


WHOLES = {CLUSTER: Cluster}
PARTS = {"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": CapacityProviders}
