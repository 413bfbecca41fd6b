/* SPDX-License-Identifier: MIT */
/*
 * Intrusive red-black tree. The caller descends by its own key and says where a node goes; the tree
 * keeps balance and, if asked, a summary of each subtree (augmentation). In a large tree that grew
 * at its end, what comes between two nodes and goes again touches its neighbours only: balance by
 * height would be told all the way up, a wait for memory at each step.
 */
#ifndef GS_TREE_H
#define GS_TREE_H

#include "list.h"

struct tree_node {
	uintptr_t above; /* the parent, and in the lowest bit whether the node is red */
	struct tree_node *left, *right;
};

struct tree {
	struct tree_node *root, *last;
	/* Recomputes the node's summary from itself and its children, and says whether it is another
	 * one now. NULL if there is none. */
	bool (*summarise)(struct tree_node *node);
};

/* Puts @p node at *link, the empty child slot of @p parent that the descent ended in. */
void gs_tree_insert(struct tree *t, struct tree_node *parent, struct tree_node **link,
		    struct tree_node *node);
void gs_tree_remove(struct tree *t, struct tree_node *node);
/* Something the summary depends on changed in @p node. */
void gs_tree_changed(struct tree *t, struct tree_node *node);

struct tree_node *gs_tree_first(const struct tree *t);
struct tree_node *gs_tree_last(const struct tree *t);
struct tree_node *gs_tree_next(const struct tree_node *node);
struct tree_node *gs_tree_prev(const struct tree_node *node);
/* True if parents and balance are right everywhere. */
bool gs_tree_sound(const struct tree *t);

#endif
