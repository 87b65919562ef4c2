"""The other layout of a repository, written as manifests: waves from fine-grained dependsOn, and back.

How it stays honest: services keep their manifests as kustomize renders them for their parent, variables unfilled; only
dependsOn changes. A fleet put in waves keeps each service's dependsOn in an annotation (:data:`..layout.ANNOTATION`), with
what its grouping parents enforced (:mod:`..carried`), from which the way back restores the order that was there. Waves
without that annotation get the edges that the manifests need and no others, and it is said which services could not be
read. The result is read and checked before it is kept.
"""
