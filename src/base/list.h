/* SPDX-License-Identifier: MIT
   Circular doubly linked list; the node lies inside the element. A list is a node that holds no element. */
#ifndef PORTLISTENER_BASE_LIST_H
#define PORTLISTENER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next;
    struct list_node *previous;
};

/* The element that holds `node` as its member `member`. */
#define LIST_ELEMENT(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list_node *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list_node *list)
{
    return list->next == list;
}

/* list_append: `node` must be in no list. */
static inline void list_append(struct list_node *list, struct list_node *node)
{
    node->next = list;
    node->previous = list->previous;
    list->previous->next = node;
    list->previous = node;
}

/* list_remove: leaves `node` as an empty list, so that removing it twice is harmless. */
static inline void list_remove(struct list_node *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* list_take_first: removes and returns the first node; the list must not be empty. */
static inline struct list_node *list_take_first(struct list_node *list)
{
    struct list_node *first = list->next;
    list_remove(first);
    return first;
}

#endif
