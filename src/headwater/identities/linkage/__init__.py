"""Stand-alone record linkage: two files of people, and which rows may be of one person, with the reasons."""




